export type WeatherReading = [
  time: string,
  sensor: string,
  place: string,
  temperature: number,
  humidity: number | undefined,
  wind: number,
];
export function weatherReadings(options: { rows: number; seed: number }): Generator<WeatherReading>;
export function weatherCsv(options: { rows: number; seed: number }): string;
