/** For programs on Node: says why they cannot listen, and ends them. */
export function cannotListen(error: NodeJS.ErrnoException & { port?: number }): never {
  const inUse = `Port ${error.port} is in use. Set PORT to another one, or end the program that listens there.`
  console.error(error.code === 'EADDRINUSE' ? inUse : error)
  process.exit(1)
}
