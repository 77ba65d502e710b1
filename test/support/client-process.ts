// A process of its own that shares a folder with others. argv: folder, server URL, mode (`call`, `count`,
// `ask`, `sign-in` or `die`).
import { appendFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileStorage } from '../../src/adapter/node-storage.ts'
import { loopbackRedirect } from '../../src/adapter/node-loopback.ts'
import { createClient } from '../../src/client/index.ts'
import { createWorld } from './client-world.ts'

const [folder, server, mode] = process.argv.slice(2) as [string, string, string]
const storage = fileStorage({ folder })
if (mode === 'die') {
  // Holds the lock of the tokens until it is killed.
  const key = process.argv[5]!
  await storage.exclusively(key, async () => {
    console.log('held')
    setInterval(() => undefined, 1000)
    await new Promise(() => undefined)
  })
}
if (mode === 'count')
  for (let i = 0; i < 25; i++)
    await storage.exclusively('counter', async () => {
      const value = Number((await storage.get('counter')) ?? 0)
      await new Promise((resolve) => setTimeout(resolve, 1))
      await storage.set('counter', String(value + 1))
    })
if (mode === 'ask') {
  const world = createWorld()
  const open = (): void => console.log('asked')
  await createClient({ storage, fetch: world.fetch, redirect: loopbackRedirect({ open }) }).fetch(server)
}
if (mode === 'sign-in') {
  // The user approves as soon as there is a file of that name.
  const open = async (url: URL): Promise<void> => {
    console.log('asked')
    while (!existsSync(join(folder, 'approved'))) await new Promise((resolve) => setTimeout(resolve, 50))
    await fetch(url)
  }
  const response = await createClient({ storage, redirect: loopbackRedirect({ open }) }).fetch(server)
  appendFileSync(join(folder, 'outcomes'), `${response.status}\n`)
}
if (mode === 'call') {
  const response = await createClient({ storage, redirect: 'http://127.0.0.1:1/callback' }).fetch(server)
  appendFileSync(join(folder, 'outcomes'), `${response.status}\n`)
}
