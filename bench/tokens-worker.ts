// One step at a time: n codes are made, all of them exchanged, all refresh tokens refreshed.
import { signatureAlone, tollgateIssuer, type Code, type Issuer } from './issuers.ts'
import { workersIssuer } from './workers-oauth-provider.ts'

let issuers: Issuer[] | undefined
let codes: Code[] = []
let tokens: string[] = []

export default {
  async fetch(request: Request): Promise<Response> {
    issuers ??= [await signatureAlone(), tollgateIssuer(), (await workersIssuer()).issuer]
    const { searchParams } = new URL(request.url)
    const issuer = issuers.find(({ name }) => name === searchParams.get('name'))!
    const step = searchParams.get('step')
    if (step === 'codes') {
      codes = []
      for (let i = 0; i < Number(searchParams.get('n')); i++) codes.push(await issuer.code())
    } else if (step === 'exchange') {
      tokens = []
      for (const code of codes) tokens.push(await issuer.exchange(code))
    } else for (const token of tokens) await issuer.refresh(token)
    return new Response('done')
  },
}
