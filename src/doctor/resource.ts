import type { DeployedResource, Finding } from '../types.ts'
import { finding } from './finding.ts'
import type { Read } from './reader.ts'

/** Whether clients find the metadata of the resource (RFC 9728 §3). */
export async function checkResource(
  { resource, metadataUrl }: DeployedResource,
  read: Read,
): Promise<Finding[]> {
  const findings: Finding[] = []
  if (/[^/]\/$/.test(new URL(resource).pathname))
    findings.push(
      finding(
        'warning',
        'resource.trailing-slash',
        `${resource} ends with a slash; clients refuse it if users leave that out`,
        'configure the resource without it',
      ),
    )
  const document = await read(metadataUrl)
  const isRead = typeof document === 'object'
  if (!isRead || document['resource'] !== resource)
    findings.push(
      finding(
        isRead ? 'error' : 'warning',
        `resource.metadata-${isRead ? 'mismatch' : 'unreachable'}`,
        'clients do not find the metadata of the resource',
        `route ${metadataUrl} to this server; if a proxy removes a prefix, set publicUrl`,
        metadataUrl,
      ),
    )
  return findings
}
