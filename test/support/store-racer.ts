// A second process of a store test. Arguments: driver, address, what to do. Orders and answers are lines of JSON.
import { createInterface } from 'node:readline'
import process from 'node:process'
import { connect, type Connection, type Driver } from './store-connect.ts'
import type { Answer, Order } from './store-processes.ts'

const [driver, address, task, count] = process.argv.slice(2) as [Driver, string, 'race' | 'write', string]
const connections: Connection[] = []
for (let i = 0; i < Number(count); i++) connections.push(await connect(driver, address))
answer({ ready: true })

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order
  if (task === 'race') answer(await race(order))
  else await writeForEver(order.key)
}
for (const each of connections) await each.close()
process.exit(0)

async function race({ key, at, delay }: Order): Promise<Answer> {
  await sleep(at - Date.now())
  const outcomes = await Promise.all(
    connections.map(async ({ store }, i) => {
      const name = `${process.pid}-${i}`
      try {
        const read = await store.get(key)
        if (read?.value !== 'start' && read !== undefined) return 'late'
        if (delay) await sleep((i * 7) % 5)
        const version = await store.put(key, name, { ifVersion: read?.version ?? null })
        return version === undefined ? 'lost' : name
      } catch (error) {
        return `error: ${String(error)}`
      }
    }),
  )
  return {
    winners: outcomes.filter((outcome) => outcome.startsWith(`${process.pid}-`)),
    errors: outcomes.filter((outcome) => outcome.startsWith('error')),
    lost: outcomes.filter((outcome) => outcome === 'lost').length,
  }
}

/** Until somebody kills this process in the middle of a write. */
async function writeForEver(key: string): Promise<never> {
  const { store } = connections[0]!
  let version = (await store.get(key))?.version ?? null
  for (let i = 0; ; i++) {
    const value = String.fromCharCode(97 + (i % 26)).repeat(60_000)
    version = (await store.put(key, value, { ifVersion: version })) ?? null
    if (i === 0) answer({ ready: true })
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

function answer(value: Answer | { ready: true }): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
