// The notes server on Deno, with grants in Deno KV: `deno run -A --unstable-kv examples/deno/server.ts`
import { operationScopes } from 'tollgate/operations'
import { denoKv } from 'tollgate/store/deno-kv'
import { auth } from '../common/auth.ts'
import { handler } from '../common/handler.ts'
import { memory, needs, notes } from '../common/notes.ts'
import { whoAmI } from '../common/sign-in.ts'

const environment = Deno.env.toObject()
const { PORT = '8787', PUBLIC_URL = `http://127.0.0.1:${PORT}`, DATABASE = ':memory:' } = environment

const addresses = new WeakMap<Request, string>()
const { as, rs } = auth(
  { ...environment, PUBLIC_URL },
  {
    store: denoKv(await Deno.openKv(DATABASE)),
    clientAddress: (request) => addresses.get(request),
  },
)
const guarded = rs.protect(notes(memory(), whoAmI(environment)), {
  operations: operationScopes(needs, { default: 'deny' }),
})
const answer = handler({ as, rs }, guarded)

Deno.serve(
  { port: Number(PORT), hostname: '127.0.0.1', onListen: () => console.log(`Notes at ${rs.resources[0]}`) },
  async (request, { remoteAddr }) => {
    addresses.set(request, remoteAddr.hostname)
    return answer(request)
  },
)
