import { readFileSync } from 'node:fs'

/** What Linux counts in, whatever its own clock: 100 a second. */
const TICKS = 100

/** The processor time that a process has taken, all its threads together, in seconds (proc(5), utime and stime). */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}

/** The resident memory of a process, in KB. */
export function residentKB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1])
}

/**
 * The processor time that the main thread of a process has taken, in milliseconds, exact to a tick of the system
 * (https://docs.kernel.org/scheduler/sched-stats.html).
 */
export function mainThreadMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6
}
