import { readForm } from '../../http/body.ts'
import { recordCodec, sealedCodec } from '../../lib/codec.ts'
import type { Identity } from '../../types.ts'
import { clearCookie, slotName } from '../browser/cookies.ts'
import {
  bindToBrowser,
  openForm,
  requireSameOrigin,
  sealBound,
  type BoundValues,
  type BrowserBinding,
} from '../browser/csrf.ts'
import type { Context } from '../context.ts'
import type { GrantRecord } from '../grants.ts'
import type { LinkUser } from '../links.ts'
import { pageEndpoint } from '../page/endpoint.ts'
import { lookOf } from '../page/layout.ts'
import { identifyUser } from '../sign-in/identity.ts'
import { startLeg, startSignIn } from '../sign-in/leg.ts'
import { disconnectedError, forgedLinkForm, otherUserError } from './errors.ts'
import { linkLegs, type LinkApproval } from './leg.ts'
import { linkPage, linkResultPage } from './page.ts'
import { linkPath, type LinkContext, type LinkProvider } from './provider.ts'
import { readLink } from './record.ts'
import { openTicket } from './ticket.ts'

/** The user and the provider that the page's form is for. */
interface LinkForm extends BrowserBinding, LinkUser {
  readonly provider: string
}

const forms: BoundValues<LinkForm> = {
  slots: { kind: 'connect', max: 5 },
  codec: sealedCodec(
    'form',
    recordCodec<LinkForm>('link form', {
      slot: 'string',
      nonce: 'string',
      expires: 'number',
      subject: 'string',
      grantId: 'string',
      provider: 'string',
    }),
  ),
}

/** The page that `auth.link(…)` leads to: the user agrees, and goes on to the provider. */
export const linkEndpoint = (
  { context }: LinkContext,
  provider: LinkProvider,
): ((request: Request) => Promise<Response>) =>
  pageEndpoint(context, {
    GET: (request) => askToLink(context, provider, request),
    POST: (request) => decide(context, provider, request),
  })

async function askToLink(context: Context, provider: LinkProvider, request: Request): Promise<Response> {
  const ticket = await openTicket(context, provider, request)
  const user = await identifyUser(context, request)
  const { pathname, search } = new URL(request.url)
  const path = pathname + search
  if (user === undefined) return startSignIn(context, request, { path, returnTo: path })
  const { clientName } = await checkUser(context, ticket, user)
  const linked = await readLink(context, user.subject, provider)
  const { options, paths } = context
  const { binding, cookies } = await bindToBrowser(
    context,
    request,
    forms.slots,
    options.lifetimes.transaction,
  )
  const { subject, grantId } = ticket
  return linkPage({
    look: lookOf(context),
    paths,
    action: linkPath(context, provider),
    sealed: await sealBound(context, forms, { ...binding, subject, grantId, provider: provider.name }),
    label: provider.label,
    uses: provider.uses,
    name: user.name ?? subject,
    app: clientName,
    linked: linked && (linked.name ?? linked.account),
    cookies,
  })
}

/** Account linking: whether this is the user whom the URL was made for, and the app is still connected. */
export async function checkUser(
  context: Context,
  asked: LinkUser & { readonly provider: string },
  user: Identity | undefined,
): Promise<GrantRecord> {
  if (user?.subject !== asked.subject) throw otherUserError(context, asked, user)
  return requireConnected(context, asked.grantId)
}

/** The grant, if the app that asked is still connected. */
export async function requireConnected({ grants }: Context, grantId: string): Promise<GrantRecord> {
  const grant = await grants.live(grantId)
  if (grant === undefined) throw disconnectedError()
  return grant
}

async function decide(context: Context, provider: LinkProvider, request: Request): Promise<Response> {
  const { issuer, runtime } = context
  requireSameOrigin(request, issuer)
  const form = await readForm(request)
  const asked = await openForm(context, request, forms, form.get('token'))
  if (asked.provider !== provider.name) throw forgedLinkForm()
  await checkUser(context, asked, await identifyUser(context, request))
  const { subject, grantId } = asked
  const closed = clearCookie(context, slotName(forms.slots, asked.slot))
  if (form.get('decision') !== 'approve') {
    const detail = `${provider.name}: the user did not agree`
    runtime.event({ type: 'account.link-refused', level: 'info', issuer, subject, grantId, detail })
    return linkResultPage(lookOf(context), { label: provider.label, cookies: [closed] })
  }
  const approval: LinkApproval = { subject, grantId, provider: provider.name }
  const flow = { path: linkPath(context, provider), approval }
  // The form stays usable for its lifetime: after a double click the second answer is the one that counts.
  return startLeg(context, request, provider.signIn, flow, linkLegs)
}
