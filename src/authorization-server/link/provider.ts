import type { SignIn, UpstreamAccess } from '../../types.ts'
import type { Context } from '../context.ts'

/** An account that users can link, by the name that tools use. */
export interface LinkProvider {
  /** The key of `linkedAccounts({ … })`. */
  readonly name: string
  /** What users read, for example `GitHub`. */
  readonly label: string
  readonly signIn: SignIn & Required<Pick<SignIn, 'finish'>>
  readonly access: UpstreamAccess
  /** Whether another name of the configuration is at the same provider. */
  readonly hasSibling: boolean
  /** What apps use the account for, in sentences. */
  readonly uses: readonly string[]
}

/** What the endpoints of linked accounts share. */
export interface LinkContext {
  readonly context: Context
  readonly providers: ReadonlyMap<string, LinkProvider>
}

/** Pathname of the page that links an account at this provider. */
export const linkPath = ({ paths }: Pick<Context, 'paths'>, { name }: LinkProvider): string =>
  `${paths.link}/${name}`
