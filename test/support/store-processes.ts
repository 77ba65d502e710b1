// Two operating-system processes that race for one record, and one that is killed while it writes.
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { Store } from '../../src/store/contract.ts'
import type { Driver } from './store-connect.ts'
import { freshKey, pause } from '../store/store.suite.ts'

export interface Order {
  key: string
  /** The barrier: milliseconds since the epoch at which everybody starts. */
  at: number
  /** Whether a racer waits between its read and its write. */
  delay: boolean
}
export interface Answer {
  winners: string[]
  errors: string[]
  /** How many met somebody who was first. */
  lost: number
}

const rounds = 20
const racersPerProcess = 25
const racer = fileURLToPath(new URL('./store-racer.ts', import.meta.url))

/** 20 rounds of 50 racers on connections of their own in two processes: one winner each, and the record is his. */
export async function raceInTwoProcesses(
  [driver, ...otherDriver]: [Driver, Driver?],
  address: string,
  store: Store,
  delay: boolean,
): Promise<void> {
  const processes = await Promise.all(
    [driver, otherDriver[0] ?? driver].map((each) => start(each, address, 'race', racersPerProcess)),
  )
  let lost = 0
  try {
    for (let round = 0; round < rounds; round++) {
      const key = freshKey()
      // In every other round the record is there already.
      if (round % 2 === 1) await store.put(key, 'start', { ifVersion: null })
      const order: Order = { key, at: Date.now() + 20, delay }
      const answers = await Promise.all(processes.map((each) => each.ask(order)))
      expect(answers.flatMap(({ errors }) => errors)).toEqual([])
      const winners = answers.flatMap((answer) => answer.winners)
      expect(winners).toHaveLength(1)
      expect((await store.get(key))?.value).toBe(winners[0])
      lost += answers.reduce((sum, answer) => sum + answer.lost, 0)
    }
  } finally {
    for (const each of processes) each.child.kill()
  }
  // Otherwise they never met, and nothing was shown.
  expect(lost).toBeGreaterThan(0)
}

/** A process that dies while it writes leaves the old or the new record, never a mixture. */
export async function killMidWrite(
  driver: Driver,
  address: string,
  open: () => Promise<Store>,
): Promise<void> {
  const key = freshKey()
  const seen = new Set<string>()
  for (let round = 0; round < 10; round++) {
    const { child, ask } = await start(driver, address, 'write', 1)
    // Answers after its first write, and goes on writing.
    await ask({ key, at: 0, delay: false })
    await pause(1 + round * 5)
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    await ended
    const record = await (await open()).get(key)
    expect(record?.value).toHaveLength(60_000)
    expect(new Set(record?.value).size).toBe(1)
    seen.add(record!.version)
  }
  expect(seen.size).toBe(10)
}

interface Racer {
  child: ChildProcess
  ask(order: Order): Promise<Answer>
}

async function start(driver: Driver, address: string, task: string, connections: number): Promise<Racer> {
  const child = spawn(process.execPath, [...runtimeFlags(), racer, driver, address, task, `${connections}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next()
    if (done) throw new Error('the other process ended')
    return JSON.parse(value)
  }
  expect(await next()).toEqual({ ready: true })
  const ask = (order: Order): Promise<Answer> => {
    child.stdin.write(`${JSON.stringify(order)}\n`)
    return next() as Promise<Answer>
  }
  return { child, ask }
}

function runtimeFlags(): string[] {
  if ('Deno' in globalThis) return ['run', '-A', '--unstable-kv', '--no-check']
  if ('Bun' in globalThis) return ['run']
  return ['--disable-warning=ExperimentalWarning', '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON']
}
