// node first-plan.ts INDEX: plans one case of PLANNING_CASES and prints the milliseconds.
import { PLANNING_CASES, planOnce } from './planning-cases.ts'

const one = PLANNING_CASES[Number(process.argv[2])]
if (one === undefined) throw new RangeError(`no planning case ${process.argv[2]}`)
process.stdout.write(String(await planOnce(one)))
