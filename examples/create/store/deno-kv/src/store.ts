// Grants in Deno KV: a file on this machine, a database on Deno Deploy.
import type { Store } from 'tollgate'
import { denoKv } from 'tollgate/store/deno-kv'
import { env } from './host.ts'

const kv = await Deno.openKv(env['DATABASE'] || undefined)

export const createStore = (): Store => denoKv(kv)
