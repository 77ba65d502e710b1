import type { Finding } from '../types.ts'

export const finding = (
  level: Finding['level'],
  code: string,
  message: string,
  fix: string,
  url?: string,
): Finding => ({ level, code, message, fix, ...(url === undefined ? {} : { url }) })
