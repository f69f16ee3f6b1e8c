/** Verbs that belong together in `--help`, as virsh groups its commands. */
export interface VerbGroup {
  readonly title: string
  /** The word for `stasis help KEYWORD`. */
  readonly keyword: string
  readonly verbs: readonly string[]
}

/** Every verb is in one group. `--help` shows them in this order. */
export const VERB_GROUPS: readonly VerbGroup[] = [
  {
    title: 'Domains',
    keyword: 'domain',
    verbs: [
      'define',
      'create',
      'edit',
      'undefine',
      'start',
      'shutdown',
      'reboot',
      'reset',
      'destroy',
      'suspend',
      'resume',
      'dompmwakeup',
      'autostart',
      'domrename',
      'dumpxml',
      'desc',
      'console',
    ],
  },
  {
    title: 'Saving and restoring',
    keyword: 'save',
    verbs: [
      'save',
      'restore',
      'managedsave',
      'managedsave-remove',
      'managedsave-dumpxml',
      'managedsave-define',
      'managedsave-edit',
      'postcopy-recover',
      'domjobinfo',
      'domjobabort',
    ],
  },
  {
    title: 'Save images',
    keyword: 'image',
    verbs: [
      'images',
      'image-info',
      'image-check',
      'image-verify',
      'image-salvage',
      'image-convert',
      'image-cache',
      'save-image-dumpxml',
      'save-image-define',
      'save-image-edit',
    ],
  },
  {
    title: 'Looking at domains',
    keyword: 'monitor',
    verbs: [
      'list',
      'dominfo',
      'domstate',
      'domid',
      'domuuid',
      'domname',
      'domblklist',
      'domiflist',
      'vncdisplay',
      'domdisplay',
      'ttyconsole',
      'event',
    ],
  },
  { title: 'The host', keyword: 'host', verbs: ['host-save', 'host-resume', 'doctor'] },
  { title: 'QEMUs that others started', keyword: 'foreign', verbs: ['attach', 'detach'] },
  {
    title: 'Stasis itself',
    keyword: 'stasis',
    verbs: [
      'history',
      'config',
      'completion',
      'systemd-units',
      'version',
      'echo',
      'cd',
      'pwd',
      'quit',
      'exit',
    ],
  },
]
