/** Whether this is workerd. Node 20 has no `navigator`. */
export const onWorkers: boolean =
  typeof navigator === 'object' && navigator.userAgent === 'Cloudflare-Workers'
