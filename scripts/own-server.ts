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
    // It ends when the channel closes: on Windows a signal would leave it no time to end what it has started.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  onStart(async () => {
    if (child.connected) child.disconnect()
    await ended
  })
  let output = ''
  await new Promise<void>((resolve) => {
    for (const stream of [child.stdout!, child.stderr!])
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
