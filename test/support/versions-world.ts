// The world of test/fixtures: its store, cache, clients and browsers, with one record of the caller's choice changed.
import { memoryCache } from '../../src/cache/memory.ts'
import { Sealer, type Purpose } from '../../src/lib/sealer.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { fixture } from '../fixtures/v1/authorization-server.ts'
import { answered, RES_A, RES_B, secret, type Rig } from './as.ts'
import { Browser, FakeUpstream, type Shown } from './pages.ts'
import { options, ownLoginRig, upstreamRig } from './versions.ts'

export type Fixture = typeof fixture

export interface World {
  readonly fixture: Fixture
  readonly rig: Rig
  readonly upstream: Rig
}

export async function worldOf(fixture: Fixture): Promise<World> {
  const store = memoryStore()
  for (const { key, value, expiresAt } of fixture.store as readonly Stored[])
    await store.put(key, value, { ifVersion: null, ...(expiresAt === undefined ? {} : { expiresAt }) })
  const cache = memoryCache({ clock: () => fixture.clock })
  for (const [key, value] of Object.entries(fixture.cache)) await cache.put(key, value, { ttl: 3600 })
  const shared = { ...options(fixture.clientKey), store, cache, registration: 'stored' as const }
  const world = { fixture, rig: ownLoginRig(shared), upstream: upstreamRig(shared, new FakeUpstream()) }
  world.rig.now = world.upstream.now = fixture.clock
  return world
}

export interface Stored {
  readonly key: string
  readonly value: string
  readonly expiresAt?: number
}

/** The fixture with each stored record changed whose key ends so. */
export async function withRecord(
  fixture: Fixture,
  end: string,
  change: (value: string) => string | Promise<string>,
): Promise<Fixture> {
  const store = await Promise.all(
    fixture.store.map(async (each) =>
      each.key.endsWith(end) ? { ...each, value: await change(each.value) } : each,
    ),
  )
  return { ...fixture, store: store as Fixture['store'] }
}

export const later = (text: string): string => {
  if (!text.includes('"v":1')) throw new Error('This record has no version')
  return text.replace('"v":1', '"v":2')
}

const sealer = new Sealer([secret])

/** The same record, as a later version of this deployment would have sealed it. */
export async function laterSealed(purpose: Purpose, context: string, sealed: string): Promise<string> {
  const text = await sealer.open(purpose, context, sealed)
  if (text === undefined) throw new Error(`This is not sealed for ${purpose} ${context}`)
  return sealer.seal(purpose, context, later(text))
}

export function browserWith(rig: Rig, cookies: readonly (readonly string[])[]): Browser {
  const browser = new Browser(rig)
  for (const [name, value] of cookies) browser.cookies.set(name!, value!)
  return browser
}

/** The first page's form, submitted. */
export const submit = (browser: Browser, page: string, decision: 'approve' | undefined): Promise<Shown> =>
  browser.submit({ text: page, status: 200 } as Shown, {
    ...(decision === undefined ? {} : { decision }),
    scopes: ['notes:read'],
  })

/** The status at the guard of this resource, and the props that the handler saw. */
export async function callWith(
  rig: Rig,
  token: string,
  resource: typeof RES_A | typeof RES_B,
): Promise<unknown> {
  rig.seen.length = 0
  const status = await rig.call(token, resource === RES_A ? rig.guard : rig.guardB, resource)
  return rig.seen[0]?.props ?? status
}

export const get = async (rig: Rig, path: string): Promise<Response> =>
  answered(rig.as.handle(new Request(path)))
