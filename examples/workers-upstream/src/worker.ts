import { createAuth } from './auth.ts'
import { notes, operations } from './notes.ts'
import { isMcp, notFound } from './settings.ts'
export { TollgateStore } from 'tollgate/store/durable-object'

const auth = createAuth()
const guarded = auth.rs.protect(notes, { operations })

export default {
  fetch: async (request: Request): Promise<Response> =>
    (await auth.handle(request)) ?? (isMcp(request) ? guarded(request) : notFound()),
}
