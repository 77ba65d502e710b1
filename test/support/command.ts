// A command of `tollgate` in this process: with a pipe, or at a terminal at which a user types.
import { PassThrough, Readable } from 'node:stream'
import { expect } from 'vitest'
import { run } from '../../src/cli/run.ts'

export interface Result {
  code: number
  stdout: string
  stderr: string
}

/** Runs it with this as the whole standard input. */
export async function piped(args: readonly string[], input = ''): Promise<Result> {
  const stdin = Readable.from(input === '' ? [] : [Buffer.from(input)])
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const code = await run(args, { stdin, stdout, stderr })
  return { code, stdout: textOf(stdout), stderr: textOf(stderr) }
}

/** Runs it at a terminal at which the user waits for a text and then types, ends the input or sends a signal. */
export function typed(
  args: readonly string[],
  ...steps: readonly (readonly [wait: string, keys: string])[]
): Promise<Result> {
  return typedAt(80, args, ...steps)
}

/** The same at a terminal of this many columns. */
export async function typedAt(
  columns: number,
  args: readonly string[],
  ...steps: readonly (readonly [wait: string, keys: string])[]
): Promise<Result> {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined })
  const [stdout, stderr] = [new PassThrough(), Object.assign(new PassThrough(), { columns })]
  const left = [...steps]
  let all = ''
  let seen = 0
  stderr.on('data', (chunk: Buffer) => {
    all += String(chunk)
    const [wait, keys] = left[0] ?? []
    if (wait === undefined || !all.includes(wait, seen)) return
    left.shift()
    seen = all.length
    // The prompt is drawn before it listens.
    setImmediate(() => {
      if (keys === 'SIGTERM' || keys === 'SIGHUP') process.emit(keys)
      else if (keys === 'end') stdin.end()
      else stdin.write(keys)
    })
  })
  const code = await run(args, { stdin, stdout, stderr })
  expect(left).toEqual([])
  return { code, stdout: textOf(stdout), stderr: all }
}

const textOf = (stream: PassThrough): string => String((stream.read() as Buffer | null) ?? '')
