// The CPU of other processes, as the kernel counts it: in ticks of 10 ms.
import { readFileSync, readdirSync } from 'node:fs'

/** Microseconds that a process has used. */
export function cpuOf(pid: number): number {
  const fields = statOf(pid)
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/** The workerd process that this one has started last. */
export function workerdPid(): number {
  const found = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/stat`, 'utf8').includes('(workerd') &&
          statOf(pid)[1] === String(process.pid)
        )
      } catch {
        return false
      }
    })
  if (found.length === 0) throw new Error('no workerd process was started')
  return Math.max(...found)
}

/** What stands behind the process's name, which may contain anything. */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}
