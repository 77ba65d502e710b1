// What a new user runs into: a folder that cannot be used, a port that is taken, no browser, no user who
// answers.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fileStorage, loopbackRedirect, openUrl } from '../../src/adapter/node.ts'
import { createClient } from '../../src/client/index.ts'
import { toOAuthClientProvider } from '../../src/client/sdk/sdk-provider.ts'
import { createWorld, issuer, resource } from '../support/client-world.ts'

let folder: string
const children: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-trouble-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

describe('fileStorage', () => {
  test('a folder that cannot be made: the error names it and the way out; when it can, all is well', async () => {
    const inside = join(folder, 'a', 'b')
    writeFileSync(join(folder, 'a'), 'a file')
    const storage = fileStorage({ folder: inside })
    const uses = [
      () => storage.get('k:x'),
      () => storage.set('k:x', 'v'),
      () => storage.exclusively('k:x', async () => 1),
    ]
    for (const use of uses) await expect(use()).rejects.toThrow(`Tokens cannot be kept in ${inside} `)
    await expect(storage.set('k:x', 'v')).rejects.toThrow('fileStorage({ folder })')
    rmSync(join(folder, 'a'))
    expect(await storage.get('k:x')).toBeUndefined()
    await storage.set('k:x', 'v')
    expect(await storage.get('k:x')).toBe('v')
  })

  test('files that others could read and a folder of theirs are closed before anything is written', async () => {
    const storage = fileStorage({ folder })
    await storage.set('k:x', 'old')
    const file = join(folder, readdirSync(folder)[0]!)
    chmodSync(file, 0o644)
    chmodSync(folder, 0o755)
    const again = fileStorage({ folder })
    expect(await again.get('k:x')).toBe('old')
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    await again.set('k:x', 'new')
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  test('T11 a folder or a file that others own or could have written is not read', async () => {
    const storage = (): ReturnType<typeof fileStorage> => fileStorage({ folder })
    await storage().set('k:x', 'mine')
    const file = join(folder, readdirSync(folder)[0]!)
    const refused = async (why: string): Promise<void> => {
      for (const use of [() => storage().get('k:x'), () => storage().get('k:other')])
        await expect(use()).rejects.toThrow(`Tokens cannot be kept in ${folder} (${why})`)
      await expect(storage().set('k:x', 'new')).rejects.toThrow(why)
    }
    chmodSync(folder, 0o777)
    await refused('others can write it')
    chmodSync(folder, 0o700)
    expect(await storage().get('k:x')).toBe('mine')
    chmodSync(file, 0o666)
    await expect(storage().get('k:x')).rejects.toThrow('others can write it')
    chmodSync(file, 0o600)

    // A link to a file elsewhere, as another user could have left it there.
    renameSync(file, join(folder, 'elsewhere'))
    symlinkSync(join(folder, 'elsewhere'), file)
    await expect(storage().get('k:x')).rejects.toThrow('Tokens cannot be kept')
    // Another owner: only root can give a file away, and everybody else meets root's folders.
    if (process.getuid?.() === 0) {
      chownSync(folder, 65_534, 65_534)
      await refused('another user owns it')
    } else await expect(fileStorage({ folder: '/etc' }).get('k:x')).rejects.toThrow('another user owns it')
  })

  test('T11 a folder that was in order and is no more: a user who can write above it could replace it', async () => {
    const storage = fileStorage({ folder })
    await storage.set('k:x', 'mine')
    chmodSync(folder, 0o777)
    const uses = [
      () => storage.get('k:x'),
      () => storage.set('k:x', 'new'),
      () => storage.exclusively('k:x', async () => 1),
    ]
    for (const use of uses) await expect(use()).rejects.toThrow('others can write it')
    chmodSync(folder, 0o700)
    expect(await storage.get('k:x')).toBe('mine')
  })

  test('damaged files count as absent: the user is asked, and they are replaced', async () => {
    const world = createWorld()
    const storage = fileStorage({ folder })
    const client = createClient({ fetch: world.fetch, clock: world.clock, redirect: world.redirect, storage })
    await client.fetch(resource)
    const files = readdirSync(folder)
    for (const text of ['', '{"accessToken":', 'null', '\0\0\0', '[]']) {
      for (const file of files) writeFileSync(join(folder, file), text)
      expect((await client.fetch(resource)).status).toBe(200)
    }
    expect(world.opened).toHaveLength(6)
  })

  test('CL16 unfinished authorizations go when the next one begins, and so does what a killed process left', async () => {
    const storage = fileStorage({ folder })
    const now = Math.floor(Date.now() / 1000)
    await storage.set('one:flow', 'abandoned', { expiresAt: now + 1000 })
    await storage.set('one:tokens', 'kept')
    const [first] = readdirSync(folder)
    const past = new Date(Date.now() - 7_200_000)
    for (const file of readdirSync(folder)) utimesSync(join(folder, file), past, past)
    const draft = `${first}.123-${crypto.randomUUID()}`
    writeFileSync(join(folder, draft), 'half')
    utimesSync(join(folder, draft), past, past)
    writeFileSync(join(folder, 'notes.txt'), 'not ours')
    utimesSync(join(folder, 'notes.txt'), past, past)
    await storage.set('two:flow', 'pending', { expiresAt: now + 1000 })
    expect(await storage.get('one:flow')).toBeUndefined()
    expect([await storage.get('two:flow'), await storage.get('one:tokens')]).toEqual(['pending', 'kept'])
    expect(existsSync(join(folder, draft))).toBe(false)
    expect(existsSync(join(folder, 'notes.txt'))).toBe(true)
  })

  test('two storages in one process share a folder and take turns', async () => {
    const storages = Array.from({ length: 8 }, () => fileStorage({ folder }))
    await Promise.all(
      storages.map((storage) =>
        storage.exclusively('counter', async () => {
          const value = Number((await storage.get('counter')) ?? 0)
          await new Promise((resolve) => setTimeout(resolve, 30))
          await storage.set('counter', String(value + 1))
        }),
      ),
    )
    expect(await storages[0]!.get('counter')).toBe('8')
    expect(readdirSync(folder)).toHaveLength(1)
  })
})

describe('loopbackRedirect', () => {
  test('options that cannot work are refused at once', () => {
    const open = (): void => undefined
    const wrong: [object, string][] = [
      [{ open: undefined }, '`open` must be a function; it is required'],
      [{ open, path: 'callback' }, '`path` must be a path that begins with a slash'],
      [{ open, path: '/call back?' }, 'got "/call back?"'],
      [{ open, port: 70_000 }, '`port` must be a whole number from 1 to 65535; got 70000'],
      [{ open, port: 1.5 }, 'got 1.5'],
      [{ open, prot: 80 }, 'did you mean "port"?'],
      [{ open, uri: 'http://127.0.0.1:80/' }, 'use "host", "port" and "path"'],
    ]
    for (const [options, message] of wrong)
      expect(() => loopbackRedirect(options as never)).toThrow(
        expect.objectContaining({ name: 'ConfigurationError', message: expect.stringContaining(message) }),
      )
    expect(() => fileStorage({ path: '/tmp' } as never)).toThrow('did you mean "folder"?')
  })

  test('a configured port that is in use: an error, and no page is opened', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    try {
      const { port } = taken.address() as AddressInfo
      const world = createWorld()
      const opened: URL[] = []
      const redirect = loopbackRedirect({ open: (url) => void opened.push(url), port })
      const client = createClient({ fetch: world.fetch, clock: world.clock, redirect })
      await expect(client.fetch(resource)).rejects.toThrow(`Port ${port} of 127.0.0.1 `)
      expect(opened).toEqual([])
      expect(world.to(`${issuer}/register`)).toEqual([])
    } finally {
      taken.close()
    }
  })

  test('a port from last time that is in use: another one, and a new registration', async () => {
    const world = createWorld()
    const open = async (url: URL): Promise<string> =>
      (await world.fetch(url, { redirect: 'manual' })).headers.get('location')!
    const client = createClient({
      fetch: world.fetch,
      clock: world.clock,
      redirect: loopbackRedirect({ open }),
    })
    await client.fetch(resource)
    const { redirect_uris } = JSON.parse(world.to(`${issuer}/register`)[0]!.body) as {
      redirect_uris: string[]
    }
    const taken = createServer().listen(Number(new URL(redirect_uris[0]!).port), '127.0.0.1')
    await once(taken, 'listening')
    try {
      await client.signOut(resource)
      expect((await client.fetch(resource)).status).toBe(200)
      expect(world.to(`${issuer}/register`)).toHaveLength(2)
    } finally {
      taken.close()
    }
  })
})

test('loopbackRedirect: a fixed port and several servers at once: one page after the other', async () => {
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as AddressInfo
  await new Promise((resolve) => free.close(resolve))
  const world = createWorld()
  let shown = 0
  let most = 0
  const open = async (url: URL): Promise<void> => {
    most = Math.max(most, ++shown)
    const back = (await world.fetch(url, { redirect: 'manual' })).headers.get('location')!
    await new Promise((resolve) => setTimeout(resolve, 50))
    shown--
    await (await fetch(back)).text()
  }
  const redirect = loopbackRedirect({ open, port })
  const clients = [1, 2, 3].map(() => createClient({ fetch: world.fetch, clock: world.clock, redirect }))
  const answers = await Promise.all(clients.map((client) => client.fetch(resource)))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
  expect(most).toBe(1)
})

test('loopbackRedirect: a browser that connects in advance and sends nothing blocks no one', async () => {
  const world = createWorld()
  const sockets: Socket[] = []
  const pages: string[] = []
  const open = async (url: URL): Promise<void> => {
    const back = new URL((await world.fetch(url, { redirect: 'manual' })).headers.get('location')!)
    const socket = connect(Number(back.port), '127.0.0.1')
    socket.on('error', () => undefined)
    sockets.push(socket)
    await once(socket, 'connect')
    pages.push(await (await fetch(back)).text())
  }
  const client = createClient({
    fetch: world.fetch,
    clock: world.clock,
    redirect: loopbackRedirect({ open }),
  })
  expect((await client.fetch(resource)).status).toBe(200)
  expect(pages[0]).toContain('You can close this window')
  sockets[0]!.destroy()
})

test('loopbackRedirect: a browser that leaves while the code is exchanged blocks no one', async () => {
  const world = createWorld()
  let left!: () => void
  const gone = new Promise<void>((resolve) => (left = resolve))
  const open = async (url: URL): Promise<void> => {
    const back = new URL((await world.fetch(url, { redirect: 'manual' })).headers.get('location')!)
    const socket = connect(Number(back.port), '127.0.0.1')
    socket.on('error', () => undefined)
    socket.once('close', left)
    socket.write(`GET ${back.pathname}${back.search} HTTP/1.1\r\nHost: ${back.host}\r\n\r\n`)
    leave = () => socket.destroy()
  }
  let leave = (): void => undefined
  const client = createClient({
    // The token endpoint answers after the listener has seen the browser go.
    fetch: async (input, init) => {
      if (new Request(input, init).url === `${issuer}/token`) {
        leave()
        await gone
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      return world.fetch(input, init)
    },
    clock: world.clock,
    redirect: loopbackRedirect({ open }),
  })
  expect((await client.fetch(resource)).status).toBe(200)
})

test('loopbackRedirect: a stranger who connects many times and leaves blocks no one', async () => {
  const world = createWorld()
  const open = async (url: URL): Promise<void> => {
    const back = new URL((await world.fetch(url, { redirect: 'manual' })).headers.get('location')!)
    for (let i = 0; i < 20; i++) {
      const socket = connect(Number(back.port), '127.0.0.1')
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      socket.write(`GET ${back.pathname}?state=x HTTP/1.1\r\nHost: ${back.host}\r\n\r\n`.repeat(20))
      socket.destroySoon()
    }
    await (await fetch(back)).text()
  }
  const redirect = loopbackRedirect({ open })
  const client = createClient({ fetch: world.fetch, clock: world.clock, redirect })
  expect((await client.fetch(resource)).status).toBe(200)
})

describe('openUrl', () => {
  const url = new URL('https://x.test/authorize?state=secret')
  /** Runs the work with nothing but this opener on the path. */
  async function withOpener(script: string | undefined, work: () => Promise<unknown>): Promise<void> {
    const bin = join(folder, 'bin')
    mkdirSync(bin, { recursive: true })
    const opener = join(bin, process.platform === 'darwin' ? 'open' : 'xdg-open')
    if (script !== undefined) {
      writeFileSync(opener, `#!/bin/sh\n${script}\n`)
      chmodSync(opener, 0o755)
    }
    const path = process.env['PATH']
    process.env['PATH'] = script === undefined ? bin : `${bin}${delimiter}${path}`
    try {
      await work()
    } finally {
      process.env['PATH'] = path
    }
  }

  test('no opener, or one that finds no browser: said at once, with the way out and without the URL', async () => {
    for (const script of [undefined, 'exit 3'])
      await withOpener(script, async () => {
        const error = (await openUrl(url).catch((reason: unknown) => reason)) as Error
        expect(error.message).toContain('pasteRedirect')
        expect(error.message).not.toContain('secret')
      })
  })

  test('an opener that stays for as long as the browser: not waited for', async () => {
    await withOpener(`echo $$ > '${folder}/pid'; exec sleep 60`, async () => {
      await openUrl(url)
      const child = Number(readFileSync(join(folder, 'pid'), 'utf8'))
      expect(process.kill(child, 0)).toBe(true)
      process.kill(child)
    })
  })

  test('the client ends at once with that error, and nothing listens any more', async () => {
    const world = createWorld()
    await withOpener('exit 3', async () => {
      let uri = ''
      const { listen, open } = loopbackRedirect({ open: openUrl })
      const redirect = {
        open,
        listen: async (...options: Parameters<typeof listen>) => {
          const way = await listen(...options)
          uri = way.uri
          return way
        },
      }
      const client = createClient({ fetch: world.fetch, clock: world.clock, redirect })
      await expect(client.fetch(resource)).rejects.toThrow('pasteRedirect')
      await expect(fetch(uri)).rejects.toThrow()
    })
  })
})

test('Ctrl-C while the user is asked: the process ends, and the next one is not blocked', async () => {
  const script = join(import.meta.dirname, '../support/client-process.ts')
  const child = spawn(process.execPath, ['--no-warnings', script, folder, resource, 'ask'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  await once(child.stdout, 'data')
  child.kill('SIGINT')
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
  expect(signal).toBe('SIGINT')
  const world = createWorld()
  const storage = fileStorage({ folder })
  const client = createClient({ fetch: world.fetch, redirect: world.redirect, storage })
  expect((await client.fetch(resource)).status).toBe(200)
})

test('the bridge: a page that cannot be shown leaves no listener; what is not a web page is not shown', async () => {
  const world = createWorld()
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as AddressInfo
  await new Promise((resolve) => free.close(resolve))
  const client = (open: () => void): ReturnType<typeof createClient> =>
    createClient({ fetch: world.fetch, redirect: loopbackRedirect({ open, port }) })
  const failing = toOAuthClientProvider(
    client(() => {
      throw new Error('no browser')
    }),
    resource,
  )
  const page = new URL(`https://as.test/authorize?state=${await failing.state()}`)
  await expect(failing.redirectToAuthorization(page)).rejects.toThrow('no browser')
  await expect(fetch(`http://127.0.0.1:${port}/callback`)).rejects.toThrow()
  for (const text of ['javascript:alert(1)', 'file:///etc/passwd', 'http://evil.test/', 'ms-settings:x'])
    await expect(failing.redirectToAuthorization(new URL(text))).rejects.toMatchObject({
      code: 'invalid_request',
    })
  expect(() =>
    toOAuthClientProvider(
      client(() => undefined),
      'nonsense',
    ),
  ).toThrow('server')
})
