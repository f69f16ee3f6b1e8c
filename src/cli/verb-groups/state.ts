import type { StateVerb } from '../verb-bundles.ts'
import { type VerbEntry, entry } from '../verb-entry.ts'

/**
 * The verbs that only look at domains, and do not need the model of a domain's definition. Programs call them again and again. They have a bundle of
 * their own, which is half of that of `LOOKING_VERBS`.
 */
export const STATE_VERBS: Readonly<Record<StateVerb, VerbEntry>> = {
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
  ttyconsole: entry(
    'ttyconsole',
    'show the terminal behind the serial port of a domain',
    () => import('../verbs/monitor/ttyconsole.ts'),
  ),
  domcontrol: entry(
    'domcontrol',
    'show whether a domain can be controlled',
    () => import('../verbs/monitor/domcontrol.ts'),
  ),
}
