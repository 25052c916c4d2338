export function writePhotographs(directory: string): Promise<void>;
