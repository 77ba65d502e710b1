import { parseChallenges, type Challenge } from '../../protocol/challenge.ts'
import type { ServerRecord } from '../records.ts'

/** The MCP server's challenge to us. */
export interface OwnChallenge extends Challenge {
  /** DPoP is the only scheme that is offered: the server takes no bearer token (RFC 9449 §7.1). */
  dpopOnly: boolean
}

/** The Bearer or DPoP challenge of a 401 or 403, at any place in the header. */
export function challengeOf(response: Response): OwnChallenge | undefined {
  if (response.status !== 401 && response.status !== 403) return undefined
  const challenges = parseChallenges(response.headers.get('www-authenticate') ?? '')
  const ours = challenges.filter(({ scheme }) => /^(bearer|dpop)$/i.test(scheme))
  const best = ours.find(({ parameters }) => parameters['resource_metadata'] !== undefined) ?? ours[0]
  return best && { ...best, dpopOnly: ours.every(({ scheme }) => /^dpop$/i.test(scheme)) }
}

/** A challenge with DPoP as the only scheme demands it, whatever the metadata say. */
export const withDpopDemand = (found: ServerRecord, challenge: OwnChallenge | undefined): ServerRecord =>
  challenge?.dpopOnly ? { ...found, dpopRequired: true } : found
