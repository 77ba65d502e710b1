// Grants in Durable Objects.
import { env } from 'cloudflare:workers'
import type { Store } from 'tollgate'
import { durableObject } from 'tollgate/store/durable-object'

export const createStore = (): Store => durableObject(env.TOLLGATE)
