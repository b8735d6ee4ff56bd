// The host functions of module "env" that the sample tokens use, as the host declares them (docs/HOST_ABI.md).
// Pointers are byte offsets in this module's memory. An i32 answer of 0 means failure; get_last_error() says why.

// @ts-nocheck: editors without the AssemblyScript plugin do not know these decorators.
@external("env", "get_caller") export declare function get_caller(out42: usize): i32;
@external("env", "get_contract_address") export declare function get_contract_address(out42: usize): i32;
@external("env", "get_contract_params_len") export declare function get_contract_params_len(): i32;
@external("env", "get_contract_params") export declare function get_contract_params(out: usize): i32;
@external("env", "set_return_data") export declare function set_return_data(ptr: usize, len: i32): void;
@external("env", "state_exists") export declare function state_exists(key: usize, keyLen: i32): i32;
@external("env", "state_len") export declare function state_len(key: usize, keyLen: i32): i32;
@external("env", "state_get") export declare function state_get(key: usize, keyLen: i32, out: usize): i32;
@external("env", "state_set") export declare function state_set(key: usize, keyLen: i32, value: usize, valueLen: i32): i32;
@external("env", "query_utxo_balance") export declare function query_utxo_balance(owner42: usize, token: usize, tokenLen: i32): u64;
@external("env", "create_utxo_output") export declare function create_utxo_output(to42: usize, amount: u64, token: usize, tokenLen: i32): i32;
@external("env", "execute_utxo_transfer") export declare function execute_utxo_transfer(from42: usize, to42: usize, amount: u64, token: usize, tokenLen: i32): i32;
@external("env", "emit_event") export declare function emit_event(name: usize, nameLen: i32, data: usize, dataLen: i32): void;
@external("env", "get_last_error") export declare function get_last_error(): i32;
