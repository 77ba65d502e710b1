import { ConfigurationError, isOAuthError } from '../../errors.ts'
import { defined } from '../../lib/defined.ts'
import { optionError } from '../../lib/options.ts'
import { callPart } from '../../lib/runtime.ts'
import type { Identity, SignInLeg } from '../../types.ts'
import { requireSameOrigin } from '../browser/csrf.ts'
import { passOn } from '../browser/redirect.ts'
import type { Context } from '../context.ts'
import { isOf } from '../grant/upstream-vault.ts'
import { pageEndpoint } from '../page/endpoint.ts'
import { lookOf } from '../page/layout.ts'
import { checkIdentity, identifyUser } from '../sign-in/identity.ts'
import { closeLeg, openLeg } from '../sign-in/leg.ts'
import { checkUser, requireConnected } from './endpoint.ts'
import { forgedLinkForm } from './errors.ts'
import { isLinkLeg, linkLegs, type LinkApproval } from './leg.ts'
import { linkResultPage } from './page.ts'
import type { LinkContext, LinkProvider } from './provider.ts'
import { writeLink } from './record.ts'
import { revokeInBackground, undoLink } from './unlink.ts'

type Handler = (request: Request) => Promise<Response>

/**
 * The callback of links, and of sign-ins at the same provider, which knows one redirect URI. The cookie of
 * this browser says which of them its `state` belongs to.
 */
export function linkCallback(links: LinkContext, signInCallback: Handler | undefined): Handler {
  const { context } = links
  const own = pageEndpoint(context, {
    GET: (request) => finishLink(links, request),
    POST: async (request) => {
      requireSameOrigin(request, context.issuer)
      return finishLink(links, request)
    },
  })
  return (request) =>
    signInCallback === undefined || isLinkLeg(context, request) ? own(request) : signInCallback(request)
}

/**
 * The leg of this browser and its user come first; only then may the provider's code be redeemed. Signs no
 * user in.
 */
async function finishLink({ context, providers }: LinkContext, request: Request): Promise<Response> {
  const providerOf = (approval?: LinkApproval): LinkProvider | undefined =>
    providers.get(approval?.provider ?? '')
  const { leg, approval, cookies } = await openLeg<LinkApproval>(
    context,
    request,
    linkLegs,
    (asked) => providerOf(asked)?.signIn ?? {},
  )
  const provider = providerOf(approval)
  if (approval === undefined || provider === undefined) throw forgedLinkForm()
  // Account linking: the user may have changed since the approval.
  await checkUser(context, approval, await identifyUser(context, request))
  const result = await finishAtProvider(context, { request, leg, approval, provider })
  if (result instanceof Response) return passOn(result, await cookies())
  const account = await keepTokens(context, provider, approval, result)
  const closed = [closeLeg(context, leg, linkLegs)]
  return linkResultPage(lookOf(context), { label: provider.label, account, cookies: closed })
}

async function finishAtProvider(
  { issuer, runtime }: Context,
  about: { request: Request; leg: SignInLeg; approval: LinkApproval; provider: LinkProvider },
): Promise<Identity | Response> {
  const { request, leg, approval, provider } = about
  try {
    return await callPart(`links.${provider.name}.finish`, () => provider.signIn.finish(request, leg))
  } catch (error) {
    if (isOAuthError(error) && error.status < 500) {
      const { subject, grantId } = approval
      const detail = `${provider.name}: the provider or admit refused`
      const event = { type: 'account.link-refused', level: 'warning', issuer, subject, grantId } as const
      runtime.event({ ...event, error: error.code, detail })
    }
    throw error
  }
}

/** Writes what the provider gave; resolves with the name of the account. */
async function keepTokens(
  context: Context,
  provider: LinkProvider,
  { subject, grantId }: LinkApproval,
  result: Identity,
): Promise<string> {
  const { subject: account, name, upstream: tokens } = checkIdentity(result)!
  if (tokens === undefined)
    throw new ConfigurationError(`linkedAccounts.${provider.name}`, 'must be a sign-in that keeps its tokens')
  if (!isOf(provider.access, tokens))
    throw optionError(
      `linkedAccounts.${provider.name}`,
      `a sign-in whose tokens have the issuer ${provider.access.issuer}`,
      tokens.issuer,
    )
  const { issuer, runtime } = context
  const link = { account, ...defined({ name }), created: runtime.clock(), tokens }
  try {
    // The app may have been disconnected while the provider answered.
    await requireConnected(context, grantId)
    const replaced = await writeLink(context, subject, provider, link)
    if (replaced !== undefined) revokeInBackground(context, provider, replaced)
    // Or since. Disconnecting all revokes the grants, then unlinks: if this read comes too early, that finds
    // the link.
    await requireConnected(context, grantId)
  } catch (error) {
    await undoLink(context, subject, provider, link)
    throw error
  }
  const about = { issuer, subject, grantId, detail: provider.name }
  runtime.event({ type: 'account.linked', level: 'info', ...about })
  return name ?? account
}
