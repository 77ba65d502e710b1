import { ConfigurationError, isOAuthError } from '../../errors.ts'
import { list, methods, object, optionError, text } from '../../lib/options.ts'
import { isJsonObject } from '../../lib/json.ts'
import type { SignIn, UpstreamToken } from '../../types.ts'
import type { Context } from '../context.ts'
import type { LinkedAccounts, Links } from '../links.ts'
import { legPath, legPaths } from '../paths.ts'
import { requireOwnNames } from '../sign-in/callbacks.ts'
import { linkedSection } from './account.ts'
import { linkCallback } from './callback.ts'
import { linkEndpoint } from './endpoint.ts'
import { AccountNotLinkedError } from './not-linked.ts'
import { linkPath, type LinkContext, type LinkProvider } from './provider.ts'
import { findLink, readLink, type LinkRecord } from './record.ts'
import { makeLinkUrl } from './ticket.ts'
import { unlink } from './unlink.ts'
import { linkVault } from './vault.ts'

export type { LinkedAccounts } from '../links.ts'
export { AccountNotLinkedError } from './not-linked.ts'

/** One account that users can link. */
export interface LinkOptions {
  /** For example `upstream(github({ … }), { admit })`. */
  signIn: SignIn
  /**
   * What apps use the account for, as the page lists it, for example `Create issues in your repositories`.
   * Default: none.
   */
  uses?: readonly string[]
}

/**
 * Lets users link accounts at other providers after they have signed in: `auth.link('github')` is the URL of
 * the page, and from then on `auth.upstream('github')` is a token of that account. The keys are the names
 * that tools use: 1–32 lower-case letters, digits, `_` or `-`. The tokens are stored sealed, one record for
 * each user and provider, which ends `lifetimes.refreshAbsolute` after it was last used or renewed.
 *
 * @throws ConfigurationError if a name or a sign-in is wrong. A sign-in must bring tokens (`upstreams`).
 *
 * @example
 * const as = createAuthorizationServer({
 *   ...options,
 *   links: linkedAccounts({ github: upstream(github({ clientId, clientSecret }), { admit: () => true }) }),
 * })
 */
export function linkedAccounts(accounts: Readonly<Record<string, SignIn | LinkOptions>>): LinkedAccounts {
  if (!isJsonObject(accounts) || Object.keys(accounts).length === 0)
    throw optionError('linkedAccounts', 'an object such as { github: upstream(…) }', accounts)
  const given = Object.entries(accounts as Readonly<Record<string, SignIn | LinkOptions>>)
  const read = given.map(([name, each]) => readProvider(name, each))
  const issuers = read.map(({ access }) => access.issuer)
  const isRepeated = ({ access }: (typeof read)[number]): boolean =>
    issuers.indexOf(access.issuer) !== issuers.lastIndexOf(access.issuer)
  const providers = new Map(read.map((each) => [each.name, { ...each, hasSibling: isRepeated(each) }]))
  return { attach: (context) => attach({ context, providers }) }
}

function readProvider(name: string, given: SignIn | LinkOptions): Omit<LinkProvider, 'hasSibling'> {
  const option = `linkedAccounts.${name}`
  if (!/^[a-z0-9][a-z0-9_-]{0,31}$/.test(name))
    throw optionError('linkedAccounts', 'given names of 1–32 lower-case letters, digits, _ or -', name)
  const row = methods<SignIn>(['start'], 'a sign-in such as upstream(github({ … }), { admit })')
  const inner = (given as Partial<LinkOptions> | undefined)?.signIn
  const { signIn, uses } =
    typeof inner?.start === 'function'
      ? object({ signIn: row.required, uses: list(text()).default([]) }).required(given, option)
      : { signIn: row.required(given, option), uses: [] }
  const [access, ...others] = signIn.upstreams ?? []
  if (typeof signIn.finish !== 'function' || access === undefined || others.length > 0)
    throw new ConfigurationError(
      option,
      'must be a sign-in that brings tokens of one provider, such as upstream(github({ … }), { admit })',
    )
  return { name, label: signIn.name ?? name, signIn: signIn as LinkProvider['signIn'], access, uses }
}

function attach(links: LinkContext): Links {
  const { context, providers } = links
  const { issuer, runtime } = context
  for (const { signIn } of providers.values()) {
    signIn.check?.(issuer)
    if (signIn.weakening !== undefined)
      runtime.event({ type: 'option.weakening', level: 'warning', issuer, detail: signIn.weakening })
  }
  requireFreePaths(context, providers)
  requireNames(context, providers)
  return {
    routes: (given) =>
      new Map(
        [...providers.values()].flatMap((each) => [
          [linkPath(context, each), linkEndpoint(links, each)] as const,
          ...legPaths(context, each.signIn).map(
            (path) => [path, linkCallback(links, given.get(path))] as const,
          ),
        ]),
      ),
    async url(user, name) {
      const provider = providers.get(name)
      if (provider !== undefined) return makeLinkUrl(context, provider, user)
      throw optionError('auth.link', `called with one of ${[...providers.keys()].join(', ')}`, name)
    },
    async upstream(subject, name, own) {
      const provider = providers.get(name ?? '')
      if (provider === undefined) return own()
      const { record, isOld } = await findLink(context, subject, provider)
      if (record !== undefined) return tokenOfLink(context, subject, provider, { record, isOld })
      // Never the sign-in's token in its place: that is for another account, or has fewer scopes.
      throw new AccountNotLinkedError(provider)
    },
    async has(subject, issuer) {
      const those = [...providers.values()].filter(({ access }) => access.issuer === issuer)
      const records = await Promise.all(those.map((each) => readLink(context, subject, each)))
      return records.some((each) => each !== undefined)
    },
    section: (subject, form) => linkedSection(links, subject, form),
    async unlink(subject, name) {
      const provider = name === undefined ? undefined : providers.get(name)
      const ended = name === undefined ? [...providers.values()] : provider === undefined ? [] : [provider]
      await Promise.all(ended.map((each) => unlink(context, subject, each)))
    },
  }
}

/**
 * If the provider has ended it, the account is not linked any more. If another account has replaced it
 * meanwhile, that one counts.
 */
async function tokenOfLink(
  context: Context,
  subject: string,
  provider: LinkProvider,
  link: { readonly record: LinkRecord; readonly isOld: boolean },
): Promise<UpstreamToken> {
  try {
    return await provider.access.token(linkVault(context, subject, provider, link))
  } catch (error) {
    if (!isOAuthError(error) || error.code !== 'invalid_grant') throw error
    const { record, isOld } = await findLink(context, subject, provider)
    if (record !== undefined && record.account !== link.record.account)
      return tokenOfLink(context, subject, provider, { record, isOld })
    throw new AccountNotLinkedError(provider, error)
  }
}

/** What tools call a linked account is not what they call a sign-in at another issuer. */
function requireNames({ signIn }: Context, providers: LinkContext['providers']): void {
  const own = [...(signIn.callbacks ?? []), ...(signIn.upstreams ?? [])]
  const linked = [...providers.values()]
  for (const { name, access } of linked)
    requireOwnNames(`linkedAccounts.${name}`, [...own, { provider: name, issuer: access.issuer }])
  requireOwnNames('linkedAccounts', [...own, ...linked.flatMap((each) => each.signIn.callbacks ?? [])])
}

function requireFreePaths(context: Context, providers: LinkContext['providers']): void {
  const taken = [...Object.values(context.paths), legPath(context, {})]
  const twice = [...providers.values()]
    .map((each) => linkPath(context, each))
    .find((each) => taken.includes(each))
  if (twice !== undefined)
    throw new ConfigurationError('paths', `must be different for each endpoint; got "${twice}" twice`)
}
