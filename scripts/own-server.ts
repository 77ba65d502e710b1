// A server that the demo starts for itself, as `npm start` does, and ends.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { folder, readState, root, type StartState } from './start-state.ts'

/** Runs `npm start` with these flags. `onStart` gets what ends it, also before it is ready. */
export async function startServer(
  flags: readonly string[],
  onStart: (close: () => Promise<void>) => void,
): Promise<StartState> {
  const file = join(folder, `demo-${process.pid}.json`)
  const child = spawn(process.execPath, [join(root, 'scripts/start.ts'), ...flags], {
    cwd: root,
    env: { ...process.env, TOLLGATE_STATE_FILE: file },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  onStart(async () => {
    child.kill('SIGINT')
    await ended
  })
  let output = ''
  await new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (output.includes('Ctrl-C ends everything.')) resolve()
      })
    void ended.then(resolve)
  })
  const state = readState(file)
  if (state === undefined) throw new Error(`the server could not start:\n${output}`)
  return state
}
