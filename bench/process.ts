import { readFileSync } from 'node:fs'

/** The unit of Linux for processor time: 100 ticks a second (USER_HZ). */
const TICKS = 100

/** Returns the processor time of all threads of a process in seconds (proc(5), utime and stime). */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}

/** Returns the resident memory of a process in KB. */
export function residentKB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1])
}

/**
 * Returns the processor time of the main thread of a process in milliseconds, with the precision of a kernel tick
 * (https://docs.kernel.org/scheduler/sched-stats.html).
 */
export function mainThreadMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6
}
