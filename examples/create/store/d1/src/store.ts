// Grants in D1. The table is made at the first use.
import { env } from 'cloudflare:workers'
import { d1 } from 'tollgate/store/d1'

export const createStore = () => d1(env.DB)
