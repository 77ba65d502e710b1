import { recordCodec, sealedCodec } from '../../lib/codec.ts'
import type { LinkUser } from '../links.ts'
import type { Context } from '../context.ts'
import { expiredError } from '../page-error.ts'
import { sealContext } from '../seal-context.ts'
import { brokenLinkError } from './errors.ts'
import { linkPath, type LinkProvider } from './provider.ts'

/** Who may link an account by this URL: the user of the access token that it was made with. */
interface Ticket extends LinkUser {
  readonly provider: string
  /** Seconds since the epoch. */
  readonly expires: number
}

const codec = sealedCodec(
  'form',
  recordCodec<Ticket>('link', {
    subject: 'string',
    grantId: 'string',
    provider: 'string',
    expires: 'number',
  }),
)

/** Seconds. */
const lifetime = 600

/**
 * The URL of the page. What it says is sealed: it names no user in the clear, and opens nothing by itself
 * (MCP, Elicitation, Safe URL Handling).
 */
export async function makeLinkUrl(
  context: Context,
  provider: LinkProvider,
  { subject, grantId }: LinkUser,
): Promise<URL> {
  const { issuer, sealer, runtime } = context
  const expires = runtime.clock() + lifetime
  const ticket = { subject, grantId, provider: provider.name, expires }
  const url = new URL(linkPath(context, provider), issuer)
  url.searchParams.set('ticket', await codec.seal(sealer, sealContext(issuer, 'link'), ticket))
  return url
}

/** What the URL of this request says. Throws a PageError if it is not one of this server, or too old. */
export async function openTicket(
  { issuer, sealer, runtime }: Context,
  { name }: LinkProvider,
  request: Request,
): Promise<Ticket> {
  const sealed = new URL(request.url).searchParams.get('ticket') ?? ''
  const ticket = await codec.open(sealer, sealContext(issuer, 'link'), sealed)
  if (ticket?.provider !== name) throw brokenLinkError()
  if (ticket.expires <= runtime.clock()) throw expiredError()
  return ticket
}
