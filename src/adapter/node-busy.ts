import { platform as thisPlatform } from 'node:process'

/**
 * Does the work with a file, again if another process has the file open at that instant: Windows then refuses
 * to replace or remove it. For half a second at most; on other systems the same codes mean that it is not
 * allowed.
 */
export async function whileOpenElsewhere<T>(
  work: () => Promise<T>,
  platform: NodeJS.Platform = thisPlatform,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException
      if (platform !== 'win32' || tries === mostTries || !busy.has(code)) throw error
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
}

const busy: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'EBUSY'])
const mostTries = 20
/** Milliseconds. */
const pause = 25
