// One step of one issuer in one request.
import { exchange, prepare, refresh, type Prepared } from './token-steps.ts'

const prepared = new Map<string, Prepared>()

export default {
  async fetch(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url)
    const name = searchParams.get('name')!
    const n = Number(searchParams.get('n'))
    const step = searchParams.get('step')
    if (step === 'codes') prepared.set(name, await prepare(name, n))
    else await (step === 'exchange' ? exchange : refresh)(prepared.get(name)!, n)
    return new Response('done')
  },
}
