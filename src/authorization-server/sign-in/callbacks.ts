import { ConfigurationError } from '../../errors.ts'
import type { SignInCallback } from '../../types.ts'

/** A provider as a sign-in names it. */
type Named = Pick<SignInCallback, 'provider' | 'issuer'> & Partial<Pick<SignInCallback, 'clientId'>>

/**
 * Mix-up: a name stands for one issuer and one client, because providers with one name would share a redirect
 * URI, and tools would get a token of the wrong one. Throws ConfigurationError.
 */
export function requireOwnNames(option: string, all: readonly Named[]): void {
  for (const each of all) {
    const other = all.find((one) => one.provider === each.provider && !isSame(one, each))
    if (other !== undefined)
      throw new ConfigurationError(
        option,
        `must have a name of its own for each provider and client; got "${each.provider}" for ${nameOf(each)} ` +
          `and for ${nameOf(other)}. Name one of them: upstream(…, { …, provider: '…' })`,
      )
  }
}

const isSame = (one: Named, other: Named): boolean =>
  one.issuer === other.issuer &&
  (one.clientId === undefined || other.clientId === undefined || one.clientId === other.clientId)

const nameOf = ({ issuer, clientId }: Named): string =>
  clientId === undefined ? issuer : `${issuer} (client ${clientId})`
