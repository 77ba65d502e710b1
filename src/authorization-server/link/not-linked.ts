import { OAuthError } from '../../errors.ts'
import type { LinkProvider } from './provider.ts'

/** `account_not_linked`: the user has not linked an account at this provider, or has unlinked it. */
export class AccountNotLinkedError extends OAuthError {
  /** The name that `auth.link` takes. */
  readonly provider: string

  /** @internal */
  constructor({ name, label }: LinkProvider, cause?: unknown) {
    super('account_not_linked', `The user has not linked a ${label} account`, { status: 403, cause })
    this.provider = name
  }
}
