import { randomToken } from '../lib/random.ts'
import { isJsonObject } from '../lib/json.ts'
import { matching, readOptions, text } from '../lib/options.ts'
import type { AuthInfo } from '../types.ts'

/**
 * What the tool knows of the MCP client that calls it, as the client wrote it. Whatever has not the form that
 * MCP gives it counts as "cannot elicit".
 */
export interface CallingClient {
  /** Of the request or the session, for example `2025-11-25`. Default: unknown. */
  protocolVersion?: unknown
  /**
   * What the client declared: in `_meta` of the request (2026-07-28), or in `initialize`. Default: nothing.
   */
  capabilities?: unknown
  /** Of a request that the client repeats (2026-07-28). */
  inputResponses?: unknown
}

/** A URL elicitation as revision 2025-11-25 has it. */
export interface UrlElicitation {
  /** A URL, not a form. */
  mode: 'url'
  /** Names it; random. */
  elicitationId: string
  /** Where the user links the account. */
  url: string
  /** What the user reads before opening the URL. */
  message: string
}

/** Options of {@link askToLink}. */
export interface AskToLinkOptions extends CallingClient {
  /** What the user reads. Default: a sentence that names the provider. */
  message?: string
  /**
   * The class of this name of the official SDK v1 (`@modelcontextprotocol/sdk/types.js`): its `McpServer`
   * passes on only errors of its own classes. With it, the answer is never a result of revision 2026-07-28.
   * Default: an error that SDK v2 and other servers pass on.
   */
  UrlElicitationRequiredError?: ElicitationError
}

/** @inline */
type ElicitationError = new (elicitations: UrlElicitation[]) => Error

/** A text with the link, which the model shows to the user: a result for every revision and every SDK. */
export type LinkText = {
  /** One text, with the link. */
  content: { type: 'text'; text: string }[]
  /** The tool has not run. */
  isError: true
}

/** A URL elicitation of revision 2026-07-28. */
export type LinkInputRequired = {
  /** A result that asks the client for input (MCP 2026-07-28). */
  resultType: 'input_required'
  /**
   * Of one request: its `params` are `{ mode: 'url', url, message }`. They have no type of their own, since
   * the official SDK v2 types them with the `elicitationId` that revision 2026-07-28 does not have.
   */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
  inputRequests: Record<string, { method: 'elicitation/create'; params: any }>
}

/** What the tool returns: a URL elicitation of revision 2026-07-28, or a text with the link. */
export type LinkAnswer = LinkInputRequired | LinkText

/**
 * What a tool answers if the user has to link an account first: a URL elicitation in the form of the client's
 * revision, or the link as text if the client cannot elicit by URL. For revision 2025-11-25 it throws the
 * error −32042. The user may have accepted before the account is linked, so the next answer is a text.
 *
 * @throws ConfigurationError if an option is wrong, or the provider is not configured.
 * @see [MCP 2026-07-28, Elicitation](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation)
 *
 * @example
 * try {
 *   const { accessToken } = await auth.upstream('github')
 *   return await listIssues(accessToken)
 * } catch (error) {
 *   if (isAccountNotLinkedError(error))
 *     return askToLink(auth, error.provider, { protocolVersion, capabilities })
 *   throw error
 * }
 */
export function askToLink(
  auth: Pick<AuthInfo, 'link'>,
  provider: string,
  options: AskToLinkOptions & { UrlElicitationRequiredError: ElicitationError },
): Promise<LinkText>
export function askToLink(
  auth: Pick<AuthInfo, 'link'>,
  provider: string,
  options?: AskToLinkOptions,
): Promise<LinkAnswer>
export async function askToLink(
  auth: Pick<AuthInfo, 'link'>,
  provider: string,
  options: AskToLinkOptions = {},
): Promise<LinkAnswer> {
  const { message, UrlElicitationRequiredError, ...client } = readOptions('askToLink', options, {
    protocolVersion: asWritten,
    capabilities: asWritten,
    inputResponses: asWritten,
    message: text().default(`Connect your ${provider} account to go on.`),
    UrlElicitationRequiredError: matching<ElicitationError>('a class', isFunction).default(
      UrlElicitationRequired,
    ),
  })
  const url = (await auth.link(provider)).href
  const key = `link-${provider}`
  const revision = elicitingRevision(client)
  if (revision === undefined || wasAsked(client, key))
    return {
      content: [{ type: 'text', text: `${message} Open this link, then try again: ${url}` }],
      isError: true,
    }
  // A server that has the class of SDK v1 knows no later form.
  if (revision < '2026-07-28' || options.UrlElicitationRequiredError !== undefined)
    throw new UrlElicitationRequiredError([{ mode: 'url', elicitationId: randomToken(), url, message }])
  return {
    resultType: 'input_required',
    inputRequests: { [key]: { method: 'elicitation/create', params: { mode: 'url', url, message } } },
  }
}

const isFunction = (value: unknown): boolean => typeof value === 'function'

/** Not a mistake of the application, whatever it is. */
const asWritten = (value: unknown): unknown => value

/** The revision of a client that can elicit by URL. */
function elicitingRevision({ protocolVersion, capabilities }: CallingClient): string | undefined {
  const declared = capabilities as { elicitation?: { url?: unknown } | null } | null | undefined
  if (!isJsonObject(declared?.elicitation?.url)) return undefined
  if (typeof protocolVersion !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(protocolVersion)) return undefined
  return protocolVersion < '2025-11-25' ? undefined : protocolVersion
}

const wasAsked = ({ inputResponses }: CallingClient, key: string): boolean =>
  inputResponses !== undefined && (!isJsonObject(inputResponses) || Object.hasOwn(inputResponses, key))

// The official SDK (v2) recognises its own errors by this property.
const sdkBrand = Symbol.for('mcp.sdk.errorBrands')

/** JSON-RPC error −32042 (MCP 2025-11-25, URL Elicitation Required Error). */
class UrlElicitationRequired extends Error {
  readonly code = -32_042
  readonly data: { readonly elicitations: readonly UrlElicitation[] }

  constructor(elicitations: readonly UrlElicitation[]) {
    const [{ message, url }] = elicitations as [UrlElicitation]
    // A server that knows no such error shows its text to the user.
    super(`${message} Open this link, then try again: ${url}`)
    this.data = { elicitations }
    const brands = new Set(['mcp.ProtocolError', 'mcp.UrlElicitationRequiredError'])
    Object.defineProperty(this, sdkBrand, { value: brands })
  }
}
