/** Waits for a random while, up to 100 ms and longer from try to try, so that racers do not meet again in step. */
export const spread = (attempt: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, crypto.getRandomValues(new Uint8Array(1))[0]! % Math.min(2 ** attempt, 100))
  })
