export interface Counts {
  readonly passed: number
  readonly failed: number
}
export declare function countVitest(report: unknown): Counts
export declare function countPlaywright(report: unknown): Counts
export declare function countUnittest(output: string, succeeded: boolean): Counts
