/** Keeps the process alive until the promise settles: everything else that an agent holds does not. */
export async function holdProcess<T>(promise: Promise<T>): Promise<T> {
  const hold = setInterval(() => {}, 2_147_483_647);
  try {
    return await promise;
  } finally {
    clearInterval(hold);
  }
}
