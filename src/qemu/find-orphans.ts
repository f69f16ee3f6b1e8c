import { readFile, readdir } from 'node:fs/promises'
import { type MonitorPaths, monitorArguments } from './monitors.ts'
import { type ProcessIdentity, identifyProcess } from './process-identity.ts'

/** The QEMUs that were started with these monitors, recorded or not. */
export async function findOrphans(monitors: MonitorPaths): Promise<readonly ProcessIdentity[]> {
  const [, wanted = ''] = monitorArguments(monitors)
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      return text.split('\0').includes(wanted) ? identifyProcess(Number(pid)) : undefined
    }),
  )
  return found.filter((identity) => identity !== undefined)
}
