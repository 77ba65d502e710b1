import type { Finding } from '../types.ts'
import type { Settings } from './options.ts'

export async function verifyDeployment(_settings: Settings): Promise<Finding[]> {
  return []
}
