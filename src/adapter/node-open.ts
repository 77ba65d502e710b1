import { spawn } from 'node:child_process'
import { win32 } from 'node:path'
import { env, platform } from 'node:process'

/**
 * Opens a URL in the user's browser. The URL is one argument of the platform's opener and never part of a
 * command line, against command injection. Only https and http are accepted. Resolves when the opener has
 * finished or goes on running; rejects if there is no opener or it finds no browser.
 *
 * @see [MCP Security Best Practices, OAuth Authorization URL Validation](https://modelcontextprotocol.io/specification/2026-07-28/basic/security_best_practices)
 */
export async function openUrl(url: URL): Promise<void> {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new TypeError('Only web pages are opened')
  const [command, ...before] = openers[platform] ?? ['xdg-open']
  const child = spawn(command!, [...before, argument(url)], { shell: false, stdio: 'ignore', detached: true })
  await new Promise<void>((resolve, reject) => {
    // Some openers are the browser, and stay.
    const timer = setTimeout(resolve, patience)
    const failed = (): void => {
      clearTimeout(timer)
      reject(new Error(noBrowser(command!)))
    }
    child.once('error', failed)
    child.once('exit', (code) => {
      clearTimeout(timer)
      if (code === 0) resolve()
      else failed()
    })
  })
  child.unref()
}

/** Milliseconds after which an opener that still runs counts as successful. */
const patience = 1500

const noBrowser = (command: string): string =>
  `The browser could not be opened with ${command}: print the URL in "open" of loopbackRedirect(), or let the person paste the answer with pasteRedirect()`

/** Windows has no opener without a shell but this one, which takes a URL as it is. */
const openers: Partial<Record<typeof platform, string[]>> = {
  darwin: ['open'],
  // By its path: Windows looks in the current folder first, and that may be another party's project.
  win32: [
    win32.join(env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'rundll32.exe'),
    'url.dll,FileProtocolHandler',
  ],
}

/** `URL` leaves characters that a shell would take for its own; openers are often shell scripts. */
const argument = (url: URL): string =>
  url.href.replaceAll(/[`$|;<>()'"\\^!*{}]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
