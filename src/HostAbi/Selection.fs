namespace Twofold.HostAbi

// Which outputs a run may spend, and which it spends for an amount: the same whatever order the view lists them in.
// In: the request, the view, the draft so far, whose value and how much. Out: draft events that consume outputs, and the change; or why not.

open System
open System.Collections.Generic

/// May this run spend an output?
[<RequireQualifiedAccess>]
type Access =
    | Open
    /// Its time or height has not come.
    | NotYet
    | Denied

/// Outputs chosen for an amount.
type Spending = {
    /// InputSpent for what the snapshot holds, OutputTaken for what this run created earlier.
    Consumed: DraftEvent list
    /// What is left over, if anything. It keeps the owner and the lock of the last output chosen, so that change of an escrow stays in escrow.
    Change: AssetOutput option
}

/// Choosing outputs.
module Selection =
    /// A lock narrows what the caller and the contract may spend of their own; delegation and contract locks also open other owners' outputs.
    let access (ctx: CallContext) (owner: Address) (lock: Lock) : Access =
        let own = owner = ctx.Caller || owner = ctx.Contract
        let ifOwn other = if own then other else Access.Denied

        match lock with
        | Lock.None -> ifOwn Access.Open
        | Lock.Time opens -> ifOwn (if ctx.Block.Timestamp >= opens then Access.Open else Access.NotYet)
        | Lock.Height opens -> ifOwn (if ctx.Block.Height >= opens then Access.Open else Access.NotYet)
        | Lock.Threshold(required, members) ->
            let behind = members |> List.filter (fun m -> m = ctx.Caller || m = ctx.Contract)
            ifOwn (if behind.Length >= required then Access.Open else Access.Denied)
        | Lock.Delegation(delegatee, until) ->
            let delegated = delegatee = ctx.Contract && (until = 0UL || ctx.Block.Timestamp <= until)
            if own || delegated then Access.Open else Access.Denied
        | Lock.Contract contract -> if contract = ctx.Contract then Access.Open else Access.Denied

    /// All that an owner holds in a token as the run sees it: unspent outputs of the snapshot, less those consumed, and outputs of this run (their index given).
    let private held (view: IStateView) (draft: Draft) (owner: Address) (token: TokenId) : ResizeArray<struct (Utxo * uint32 voption)> =
        let listed = view.Utxos(owner, token)
        let found = ResizeArray<struct (Utxo * uint32 voption)>(listed.Count)
        let seen = HashSet<OutPoint>(listed.Count)
        let asked (o: Address) (t: TokenId) = String.Equals(o.Text, owner.Text) && t.Equals token

        for i in 0 .. listed.Count - 1 do
            let u = listed[i]
            // A view that lists an output twice, or somebody else's, must not make value.
            if asked u.Owner u.Token && seen.Add u.Id && not (Map.containsKey u.Id draft.Inputs) then
                found.Add(struct (u, ValueNone))

        for KeyValue(index, o) in draft.Outputs do
            if asked o.Owner o.Token then
                let id = { Transaction = draft.TransactionId; Index = index }
                found.Add(struct ({ Id = id; Owner = owner; Token = token; Amount = o.Amount; Lock = o.Lock }, ValueSome index))

        found

    /// What an owner holds in a token, locked or not.
    let balance (view: IStateView) (draft: Draft) (owner: Address) (token: TokenId) : Result<uint64, HostErrorCode> =
        let mutable sum = UInt128.Zero

        for struct (u, _) in held view draft owner token do
            sum <- sum + UInt128.op_Implicit u.Amount

        if sum > UInt128.op_Implicit UInt64.MaxValue then
            Error HostErrorCode.Overflow
        else
            Ok(UInt128.op_Explicit sum: uint64)

    /// How many outputs `balance` and `choose` look at.
    let work (view: IStateView) (draft: Draft) (owner: Address) (token: TokenId) : uint64 =
        uint64 (view.Utxos(owner, token).Count) + uint64 draft.Outputs.Count

    /// The largest outputs first (so that nobody can clog a purse with dust), equal ones by id, until they cover the amount.
    let choose
        (ctx: CallContext)
        (view: IStateView)
        (draft: Draft)
        (owner: Address)
        (token: TokenId)
        (amount: uint64)
        : Result<Spending, HostErrorCode> =
        let spendable = ResizeArray<struct (Utxo * uint32 voption)>()
        let mutable available = UInt128.Zero
        let mutable notYet = UInt128.Zero
        let mutable denied = UInt128.Zero

        for struct (u, index) in held view draft owner token do
            let value = UInt128.op_Implicit u.Amount

            match access ctx owner u.Lock with
            | Access.Open ->
                available <- available + value
                spendable.Add(struct (u, index))
            | Access.NotYet -> notYet <- notYet + value
            | Access.Denied -> denied <- denied + value

        let wanted = UInt128.op_Implicit amount

        if available >= wanted then
            spendable.Sort(fun (struct (a, _)) (struct (b, _)) ->
                match b.Amount.CompareTo a.Amount with
                | 0 -> compare a.Id b.Id
                | order -> order)

            let consumed = ResizeArray()
            let mutable left = amount
            let mutable change = None
            let mutable i = 0

            while left > 0UL do
                let struct (u, index) = spendable[i]

                consumed.Add(
                    match index with
                    | ValueSome index -> DraftEvent.OutputTaken index
                    | ValueNone -> DraftEvent.InputSpent u
                )

                if u.Amount > left then
                    change <- Some { Owner = owner; Token = token; Amount = u.Amount - left; Lock = u.Lock }

                left <- left - min left u.Amount
                i <- i + 1

            Ok { Consumed = List.ofSeq consumed; Change = change }
        elif owner <> ctx.Caller && owner <> ctx.Contract && spendable.Count = 0 then
            Error HostErrorCode.Unauthorized
        elif available + notYet >= wanted then
            Error HostErrorCode.Locked
        elif available + notYet + denied >= wanted then
            Error HostErrorCode.Unauthorized
        else
            Error HostErrorCode.InsufficientBalance
