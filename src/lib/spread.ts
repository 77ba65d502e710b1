/** Waits for a random while, up to 100 ms and longer from try to try, so that racers do not meet again in step. */
export function spread(attempt: number): Promise<void> {
  const most = Math.min(2 ** attempt, 100)
  const share = crypto.getRandomValues(new Uint8Array(1))[0]! / 256
  return new Promise((resolve) => setTimeout(resolve, most * share))
}
