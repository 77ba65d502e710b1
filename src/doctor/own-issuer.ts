import { authorizationServerMetadataUrls } from '../protocol/well-known.ts'
import type { Endpoints, Finding } from '../types.ts'
import { finding } from './finding.ts'
import type { Read } from './reader.ts'

/** Whether clients reach this very authorization server at its issuer, and not another one or a proxy. */
export async function checkOwnIssuer(
  as: Endpoints & { readonly issuer: string },
  read: Read,
): Promise<Finding[]> {
  const url = authorizationServerMetadataUrls(as.issuer)[0]!
  const own: unknown = await (await as.handle(new Request(url)))?.json()
  const document = await read(url)
  // An unreachable document is found with the issuers of the resource.
  if (typeof document !== 'object' || isSame(document, own)) return []
  return [
    finding(
      'error',
      'metadata.foreign',
      `${url} is answered by another authorization server than the one in this deployment`,
      `route ${as.issuer} to this server`,
      url,
    ),
  ]
}

/** JSON documents; both were made by the same code, so that members have the same order. */
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
