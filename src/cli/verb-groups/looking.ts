import type { LookingVerb } from '../verb-bundles.ts'
import { type VerbEntry, entry } from '../verb-entry.ts'

/** The other verbs that only look at domains. They have a bundle of their own, which is a third of the whole. */
export const LOOKING_VERBS: Readonly<Record<LookingVerb, VerbEntry>> = {
  domblklist: entry(
    'domblklist',
    'list the disks of a domain',
    () => import('../verbs/monitor/domblklist.ts'),
  ),
  domiflist: entry(
    'domiflist',
    'list the network cards of a domain',
    () => import('../verbs/monitor/domiflist.ts'),
  ),
  vncdisplay: entry(
    'vncdisplay',
    'show where the VNC server of a domain listens',
    () => import('../verbs/monitor/vncdisplay.ts'),
  ),
  domdisplay: entry(
    'domdisplay',
    'show the address of a display of a domain',
    () => import('../verbs/monitor/domdisplay.ts'),
  ),
  domstats: entry(
    'domstats',
    'show statistics of domains',
    () => import('../verbs/monitor/domstats.ts'),
  ),
  dommemstat: entry(
    'dommemstat',
    'show the memory of a running domain',
    () => import('../verbs/monitor/dommemstat.ts'),
  ),
  domblkinfo: entry(
    'domblkinfo',
    'show the sizes of the disks of a domain',
    () => import('../verbs/monitor/domblkinfo.ts'),
  ),
  domblkstat: entry(
    'domblkstat',
    'show how much a domain has read from its disks and written to them',
    () => import('../verbs/monitor/domblkstat.ts'),
  ),
  domifstat: entry(
    'domifstat',
    'show how much a network card of a domain has received and sent',
    () => import('../verbs/monitor/domifstat.ts'),
  ),
  vcpucount: entry(
    'vcpucount',
    'show how many processors a domain has',
    () => import('../verbs/monitor/vcpucount.ts'),
  ),
  vcpuinfo: entry(
    'vcpuinfo',
    'show the processors of a domain',
    () => import('../verbs/monitor/vcpuinfo.ts'),
  ),
}
