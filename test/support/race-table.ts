import assert from 'node:assert/strict'

/** What one host did in a race. */
export interface Side {
  readonly args: readonly string[]
  readonly won: boolean
  readonly answer: Readonly<Record<string, unknown>>
}

/** Two acts at the same time on two hosts. */
export interface Race {
  readonly name: string
  /** The domain before: off, in a managed save, in a file, running on the first host, or left by a dead host while two others act. */
  readonly from: 'off' | 'saved' | 'file' | 'running' | 'dead'
  /** The act of each side; FILE is the image, OWNER the host that has the domain with its generation. */
  readonly acts: readonly [readonly string[], readonly string[]]
  /** The codes with which a side may lose. */
  readonly refusals: readonly string[]
  readonly check: (sides: readonly Side[]) => void
}

const START = ['start', 'tiny']
const ELSEWHERE = ['DOMAIN_ELSEWHERE']

function oneWins(sides: readonly Side[]): void {
  assert.equal(sides.filter(({ won }) => won).length, 1, 'one winner')
}

/** The winner has the memory of the guest. */
function oneResumes(sides: readonly Side[]): void {
  oneWins(sides)
  const winner = sides.find(({ won }) => won)
  assert.ok(winner?.args[0] !== 'start' || winner.answer['restored'] !== undefined, 'it booted')
}

/** The host that runs the domain is not disturbed. The other acts before or after it, or not at all. */
function ownerWins(sides: readonly Side[]): void {
  assert.equal(sides[0]?.won, true)
}

/** The races, in turn. */
export const RACES: readonly Race[] = [
  {
    name: 'start, start (managed save)',
    ...{ from: 'saved', acts: [START, START], refusals: ELSEWHERE, check: oneResumes },
  },
  {
    name: 'managedsave, start',
    ...{ from: 'running', acts: [['managedsave', 'tiny'], START], refusals: ELSEWHERE },
    check(sides) {
      ownerWins(sides)
      const [, start] = sides
      assert.ok(start?.won === false || start?.answer['restored'] !== undefined, 'it booted')
    },
  },
  {
    name: 'restore, restore',
    from: 'file',
    acts: [
      ['restore', 'FILE'],
      ['restore', 'FILE'],
    ],
    refusals: ELSEWHERE,
    check: oneResumes,
  },
  {
    name: 'undefine, start',
    from: 'off',
    acts: [['undefine', 'tiny'], START],
    refusals: [...ELSEWHERE, 'DOMAIN_NOT_FOUND'],
    check: oneWins,
  },
  {
    name: 'domrename, domrename',
    from: 'off',
    acts: [
      ['domrename', 'tiny', 'one'],
      ['domrename', 'tiny', 'two'],
    ],
    refusals: [...ELSEWHERE, 'DOMAIN_NOT_FOUND'],
    check: oneWins,
  },
  {
    name: 'start, start (after a dead host)',
    from: 'dead',
    acts: [
      [...START, '--take-over', 'OWNER'],
      [...START, '--take-over', 'OWNER'],
    ],
    refusals: ELSEWHERE,
    check: oneWins,
  },
  {
    name: 'save, destroy',
    from: 'running',
    acts: [
      ['save', 'tiny', 'FILE'],
      ['destroy', 'tiny'],
    ],
    refusals: [...ELSEWHERE, 'DOMAIN_NOT_RUNNING'],
    check: ownerWins,
  },
  {
    name: 'undefine, domrename',
    from: 'off',
    acts: [
      ['undefine', 'tiny'],
      ['domrename', 'tiny', 'one'],
    ],
    refusals: [...ELSEWHERE, 'DOMAIN_NOT_FOUND'],
    check: oneWins,
  },
  {
    name: 'start, managedsave-remove',
    from: 'saved',
    acts: [START, ['managedsave-remove', 'tiny']],
    refusals: ELSEWHERE,
    check([start, remove]) {
      const resumed = start?.won === true && start.answer['restored'] !== undefined
      assert.ok(!(resumed && remove?.won === true && remove.answer['removed'] === true))
      assert.ok(start?.won === true || remove?.won === true)
    },
  },
  {
    name: 'start, undefine --managed-save',
    from: 'saved',
    acts: [START, ['undefine', 'tiny', '--managed-save']],
    refusals: [...ELSEWHERE, 'DOMAIN_NOT_FOUND'],
    check: oneWins,
  },
  {
    name: 'start, start (off)',
    ...{ from: 'off', acts: [START, START], refusals: ELSEWHERE, check: oneWins },
  },
]
