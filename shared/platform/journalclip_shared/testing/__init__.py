"""What others need to prove their own work against ours; needs the extra ``testing``. No product code imports it."""
