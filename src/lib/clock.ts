/** The time of this machine, in seconds since the epoch. */
export const systemClock = (): number => Date.now() / 1000
