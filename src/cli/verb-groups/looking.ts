import type { LookingVerb } from '../looking-verb-names.ts'
import { type VerbEntry, entry } from '../verb-entry.ts'

/** The verbs that only look at domains; programs call them again and again. They have a bundle of their own, which is a third of the whole. */
export const LOOKING_VERBS: Readonly<Record<LookingVerb, VerbEntry>> = {
  list: entry('list', 'list domains', () => import('../verbs/monitor/list.ts')),
  domstate: entry(
    'domstate',
    'show the state of a domain',
    () => import('../verbs/monitor/domstate.ts'),
  ),
  domjobinfo: entry(
    'domjobinfo',
    'show the progress of a save or restore',
    () => import('../verbs/save/domjobinfo.ts'),
  ),
  domid: entry('domid', 'show the id of a domain', () => import('../verbs/monitor/domid.ts')),
  domuuid: entry(
    'domuuid',
    'show the UUID of a domain',
    () => import('../verbs/monitor/domuuid.ts'),
  ),
  domname: entry(
    'domname',
    'show the name of a domain',
    () => import('../verbs/monitor/domname.ts'),
  ),
  desc: entry(
    'desc',
    'show the description or the title of a domain',
    () => import('../verbs/domain/desc.ts'),
  ),
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
  ttyconsole: entry(
    'ttyconsole',
    'show the terminal behind the serial port of a domain',
    () => import('../verbs/monitor/ttyconsole.ts'),
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
  domcontrol: entry(
    'domcontrol',
    'show whether a domain can be controlled',
    () => import('../verbs/monitor/domcontrol.ts'),
  ),
}
