// The steps that are measured, on Node as in workerd: codes are made once; a round exchanges all of them, then refreshes what came of it.
import { signatureAlone, tollgateIssuer, type Code, type Issuer } from './issuers.ts'
import { workersIssuer } from './workers-oauth-provider.ts'

export interface Prepared {
  issuer: Issuer
  codes: readonly Code[]
  tokens: string[]
}

/** What nobody can do without, in process. */
export const floor = 'Request + signature + Response'

const makers: Record<string, () => Promise<Issuer> | Issuer> = {
  [floor]: signatureAlone,
  tollgate: tollgateIssuer,
  'workers-oauth-provider': async () => (await workersIssuer()).issuer,
}
export const issuerNames: readonly string[] = Object.keys(makers)

export async function prepare(name: string, n: number): Promise<Prepared> {
  const issuer = await makers[name]!()
  const codes: Code[] = []
  for (let i = 0; i < n; i++) codes.push(await issuer.code())
  issuer.keep()
  return { issuer, codes, tokens: [] }
}

/** `n` exchanges, all codes in turn. */
export async function exchange(each: Prepared, n: number): Promise<void> {
  for (let done = 0; done < n; done += each.codes.length) {
    each.issuer.rewind()
    each.tokens = []
    for (const code of each.codes) each.tokens.push(await each.issuer.exchange(code))
  }
}

/** `n` refreshes, each with what the one before has brought. */
export async function refresh({ issuer, tokens }: Prepared, n: number): Promise<void> {
  for (let done = 0; done < n; done += tokens.length)
    for (let i = 0; i < tokens.length; i++) tokens[i] = await issuer.refresh(tokens[i]!)
}
