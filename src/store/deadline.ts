import { partitionOf } from './contract.ts'

/**
 * Milliseconds within which a write reaches the server; later the server refuses it. The authorization
 * server waits as long before it answers 503, so a write that was stalled does not stand after its 503.
 */
const patience = 5000

/** Partitions whose offset is remembered. */
const most = 10_000

/**
 * Until when the server may carry out a write, by the clock of the server: the clocks of two machines are
 * never compared.
 */
export interface WriteDeadlines {
  /** The server has answered a read of this key at this time of its own, in milliseconds. */
  answered(key: string, serverTime: number): void
  /** For a write of this key that is sent now; undefined: the server has told no time yet. */
  deadline(key: string): number | undefined
}

export function writeDeadlines(): WriteDeadlines {
  // Servers of one cluster have clocks of their own, and a partition has one server.
  const offsets = new Map<string, number>()
  // Of a partition that is forgotten: in a stall many calls wait between their read and their write.
  let latest: number | undefined
  return {
    answered(key, serverTime) {
      latest = serverTime - performance.now()
      const partition = partitionOf(key)
      offsets.delete(partition)
      offsets.set(partition, latest)
      if (offsets.size > most) offsets.delete(offsets.keys().next().value!)
    },
    deadline(key) {
      const offset = offsets.get(partitionOf(key)) ?? latest
      return offset === undefined ? undefined : performance.now() + offset + patience
    },
  }
}
