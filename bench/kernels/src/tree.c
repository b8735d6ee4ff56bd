// Pointers and small allocations: a balanced search tree (a treap). In: n keys, at most 200,000. Out: a checksum of the keys in order, with depths.
#include "kernel.h"

enum { MAX = 200000 };
struct node { u32 key, weight; struct node *left, *right; };
static struct node pool[MAX];
static u32 used;

static struct node *insert(struct node *root, struct node *fresh) {
  if (!root) return fresh;
  if (fresh->key < root->key) {
    struct node *child = root->left = insert(root->left, fresh);
    if (child->weight > root->weight) { root->left = child->right; child->right = root; return child; }
  } else {
    struct node *child = root->right = insert(root->right, fresh);
    if (child->weight > root->weight) { root->right = child->left; child->left = root; return child; }
  }
  return root;
}

static u64 walk(const struct node *node, u64 sum, u32 depth) {
  if (!node) return sum;
  sum = walk(node->left, sum, depth + 1);
  sum = mix(sum, (u64)node->key << 8 | (depth & 255));
  return walk(node->right, sum, depth + 1);
}

EXPORT(run) i64 run(i32 n) {
  struct node *root = 0;
  used = 0;
  seed(11);
  for (i32 i = 0; i < n && used < MAX; i++) {
    struct node *fresh = &pool[used++];
    u64 r = next_random();
    fresh->key = (u32)r;
    fresh->weight = (u32)(r >> 32);
    fresh->left = fresh->right = 0;
    root = insert(root, fresh);
  }
  return (i64)walk(root, 0, 0);
}
